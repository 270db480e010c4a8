"""The list of all networks."""

from pathlib import Path

from mutoscope import names, vqgan_names, weights

B32 = "ViT-B/32::openai"
TIMM = "timm--vit_base_patch32_clip_224.openai"


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_catalogue(tmp_path: Path) -> None:
    put(tmp_path / "clip" / TIMM / "open_clip_model.safetensors")
    for suffix in ("yaml", "ckpt"):
        put(tmp_path / f"vqgan/wikiart.{suffix}")
    put(tmp_path / "vqgan/coco.ckpt")
    listed = weights.catalogue(tmp_path)
    rows = {row.name: row for row in listed}
    assert len(rows) == len(listed)
    assert rows["labels"].state == "embedded"
    assert rows[B32].state == "cached"
    assert rows["RN50::openai"].state == "obtainable"
    assert rows[B32].size == 605_000_000
    assert "key ViTB32" in rows[B32].note
    assert {*names.names(), *vqgan_names.vqgan_names()} < rows.keys()
    assert {name for name, row in rows.items() if row.kind == "VQGAN"} == set(
        vqgan_names.vqgan_names()
    )
    assert rows["wikiart"].state == "cached"
    assert rows["coco"].state == "obtainable"
    assert rows["imagenet"].note == "VQGAN f16, 16384 codes"
    assert rows["imagenet"].size == 980_093_062
