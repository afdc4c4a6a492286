"""The engine's public names."""

import engine


def test_it_gives_every_public_name_and_no_other():
    assert engine.__all__ == sorted(engine.__all__)
    assert all(getattr(engine, name).__name__ == name for name in engine.__all__)
    assert not hasattr(engine, "Dues")
