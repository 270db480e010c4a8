from mutoscope.depth import NAMES
from mutoscope.motion.flow import FLOW_MODELS
from mutoscope.networks import networks
from mutoscope.weights import catalogue


def test_all_that_settings_can_name_is_listed(tmp_path):
    rows = {row.name: row for row in networks(tmp_path)}
    assert set(FLOW_MODELS) <= rows.keys()
    assert set(NAMES) - {"auto", "flat"} <= rows.keys()
    assert {row.name for row in catalogue(tmp_path)} < rows.keys()
    assert rows["relief"].state == rows["dis"].state == "embedded"
    assert rows["depth-anything-v2-small"].state == rows["raft"].state == "obtainable"
    assert "CC-BY-NC" in rows["depth-anything-v2-large"].note


def test_what_is_there_is_found(tmp_path):
    (tmp_path / "raft_large_C_T_SKHT_V2-ff5fadd5.pth").write_bytes(b"x")
    assert {row.name: row.state for row in networks(tmp_path)}["raft"] == "cached"
