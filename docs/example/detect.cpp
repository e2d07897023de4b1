// Boxes from one picture with an exported detector: OpenCV and the C++ interface of ONNX Runtime, nothing else.
//
//   g++ -std=c++17 -O2 detect.cpp -o detect -I/usr/include/opencv4 -I$ORT/include -L$ORT/lib -Wl,-rpath,$ORT/lib
//       -lonnxruntime -lopencv_core -lopencv_imgproc -lopencv_imgcodecs        # one line; $ORT: a release, unpacked
//   ./detect yolotiny-n-hit-uav.onnx picture.jpg      # x1 y1 x2 y2 score class, the best first
#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

struct Box { float x1, y1, x2, y2, score; int label; };

static float overlap(const Box& a, const Box& b) {
    float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    float shared = std::max(w, 0.f) * std::max(h, 0.f);
    return shared / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - shared);
}

std::vector<Box> detect(Ort::Session& session, const cv::Mat& image, float conf = 0.25f, float iou = 0.6f) {
    auto shape = session.GetInputTypeInfo(0).GetTensorTypeAndShapeInfo().GetShape();  // (1, 3, H, W)
    const int H = int(shape[2]), W = int(shape[3]), h = image.rows, w = image.cols;
    const double ratio = std::min(double(H) / h, double(W) / w);
    const int inner_h = std::max(int(std::nearbyint(h * ratio)), 1);  // nearbyint: halves go to the even number
    const int inner_w = std::max(int(std::nearbyint(w * ratio)), 1);
    const int left = int(std::nearbyint((W - inner_w) / 2. - .1)), top = int(std::nearbyint((H - inner_h) / 2. - .1));
    cv::Mat canvas(H, W, CV_8UC3, cv::Scalar(114, 114, 114)), inside = canvas(cv::Rect(left, top, inner_w, inner_h));
    cv::resize(image, inside, inside.size(), 0, 0, cv::INTER_LINEAR);
    std::vector<float> planes(size_t(3) * H * W);  // RGB, one plane after the other; OpenCV has BGR, pixel by pixel
    for (int c = 0; c < 3; ++c)
        for (int i = 0; i < H * W; ++i) planes[size_t(c) * H * W + i] = canvas.data[3 * i + 2 - c] / 255.f;

    auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
    auto input = Ort::Value::CreateTensor<float>(memory, planes.data(), planes.size(), shape.data(), shape.size());
    Ort::AllocatorWithDefaultOptions allocator;
    auto in = session.GetInputNameAllocated(0, allocator), out = session.GetOutputNameAllocated(0, allocator);
    const char *from = in.get(), *to = out.get();
    auto results = session.Run(Ort::RunOptions{}, &from, &input, 1, &to, 1);
    auto sides = results[0].GetTensorTypeAndShapeInfo().GetShape();  // (1, 4 + classes, N)
    const float* y = results[0].GetTensorData<float>();
    const int channels = int(sides[1]), n = int(sides[2]);

    std::vector<Box> found, kept;
    for (int i = 0; i < n; ++i) {
        int best = 4;
        for (int c = 5; c < channels; ++c)
            if (y[c * n + i] > y[best * n + i]) best = c;
        const float x = y[i], cy = y[n + i], half_w = y[2 * n + i] / 2, half_h = y[3 * n + i] / 2, score = y[best * n + i];
        if (score > conf) found.push_back({x - half_w, cy - half_h, x + half_w, cy + half_h, score, best - 4});
    }
    std::stable_sort(found.begin(), found.end(), [](const Box& a, const Box& b) { return a.score > b.score; });
    for (const Box& box : found)
        if (std::none_of(kept.begin(), kept.end(),
                         [&](const Box& k) { return k.label == box.label && overlap(k, box) > iou; }))
            kept.push_back(box);
    if (kept.size() > 1500) kept.resize(1500);
    const float rx = float(inner_w) / w, ry = float(inner_h) / h;
    for (Box& b : kept) {
        b.x1 = std::clamp((b.x1 - left) / rx, 0.f, float(w)), b.x2 = std::clamp((b.x2 - left) / rx, 0.f, float(w));
        b.y1 = std::clamp((b.y1 - top) / ry, 0.f, float(h)), b.y2 = std::clamp((b.y2 - top) / ry, 0.f, float(h));
    }
    return kept;
}

int main(int argc, char** argv) {
    if (argc != 3) return std::fprintf(stderr, "usage: detect MODEL.onnx PICTURE\n"), 2;
    Ort::Env env(ORT_LOGGING_LEVEL_ERROR);
    Ort::Session session(env, argv[1], Ort::SessionOptions{});
    const cv::Mat image = cv::imread(argv[2]);
    if (image.empty()) return std::fprintf(stderr, "cannot read %s\n", argv[2]), 2;
    for (const Box& b : detect(session, image))
        std::printf("%.3f %.3f %.3f %.3f %.5f %d\n", b.x1, b.y1, b.x2, b.y2, b.score, b.label);
}
