from yolotiny.analysis.slicing_sweep import tune


def test_the_former_path_gives_the_same():
    from yolotiny.engine.tune_crops import tune as former

    assert former is tune
