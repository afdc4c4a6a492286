"""The reference year of `make bench`, small: what its figures compare is the same work."""

from tests.benchmarks import floor, reference_year


def test_the_floor_writes_the_rows_that_the_engine_writes(tmp_path):
    reference_year.live(60, tmp_path)
    floor.write(tmp_path, 60)
    assert floor.compare(tmp_path) == []
