"""The figures of each protocol that stand in results.csv."""

from __future__ import annotations

COLUMNS = {  # appended to results.csv, by protocol
    "aitod": ("AP", "AP50", "AP_vt", "AP_t", "AP_s", "AP_m"),
    "coco": ("AP", "AP50", "AP_s", "AP_m", "AP_l"),
    "mmdet": ("AP", "AP50", "AP_s", "AP_m", "AP_l"),
    "visdrone": ("AP", "AP50", "AP75", "AP_macro", "AP50_macro"),
    "soda": ("AP", "AP50", "AP_eS", "AP_rS", "AP_gS", "AP_N"),
    "tinyperson": ("AP50_tiny", "AP50_tiny1", "AP50_tiny2", "AP50_tiny3", "AP50_small", "AP25_tiny", "AP75_tiny"),
}
