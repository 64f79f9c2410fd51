from platformimages.chartvalues import chart_values


def test_every_image_that_was_built_gets_its_tag_and_no_other():
    defaults = {
        "image": {"registry": "", "tag": ""},
        "ingest": {"image": {"repository": "lumbung/ingest", "tag": ""}, "replicas": 1},
        "dask": {"worker": {"image": {"repository": "lumbung/compute", "tag": ""}}},
        "store": {"image": {"repository": "elsewhere/minio", "tag": "9"}},
    }
    assert chart_values(defaults, {"lumbung/ingest": "1-a", "lumbung/compute": "1-b"}) == {
        "ingest": {"image": {"tag": "1-a"}},
        "dask": {"worker": {"image": {"tag": "1-b"}}},
    }
