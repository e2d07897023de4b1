"""A small anchor detector as text, for tests of the configuration."""

V5 = """# A small anchor detector
nc: 3
scales: {n: [0.33, 0.25, 1024], s: [0.33, 0.5, 1024], m: [0.67, 0.75, 1024]}
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 3, C3, [32], c3]
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 3, C3, [64], c4]
head:
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, c3], 1, Concat, [1]]
  - [[1, -1, c4], 1, Detect, [nc], detect]
loss: {box: {type: ciou, weight: 5.0, eps: 1e-7}, cls: {type: bce, weight: 0.5}}
assigner: {type: simota, radius: 2.5}
"""
