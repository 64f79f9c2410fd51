import polars as pl
import pytest
from treasury.generators.apbd_sample import Sample, generate
from treasury.generators.defects import reported
from treasury.generators.truth import true_panel


@pytest.fixture(scope="session")
def sample() -> Sample:
    return generate(7)


@pytest.fixture(scope="session")
def published_panel() -> pl.DataFrame:
    """What a clean panel looks like after ingest: text codes, decimal amounts."""
    import numpy as np

    return reported(true_panel(np.random.default_rng(7))).select(
        pl.col("region_code").cast(pl.String),
        "year",
        "account_code",
        pl.col("budget", "realisation").cast(pl.Decimal(20, 0)),
    )
