from platformimages.bundle import chart_files
from platformimages.commands import ROOT


def test_a_linked_chart_is_carried_along(tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    (library / "Chart.yaml").write_text("name: library\n")
    chart = tmp_path / "chart"
    (chart / "charts").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("name: chart\n")
    (chart / "charts" / "library").symlink_to("../../library")
    files = chart_files(chart)
    assert set(files) == {"Chart.yaml", "charts/library/Chart.yaml"}
    assert files["charts/library/Chart.yaml"].read_text() == "name: library\n"


def test_the_platforms_chart_is_whole():
    files = chart_files(ROOT / "charts" / "lumbung")
    assert {"Chart.yaml", "values.yaml", "charts/lumbung-lib/Chart.yaml"} <= set(files)
