"""Our CLIP against the real open_clip and transformers, with random weights."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from mutoscope.perceptors.clip import Clip, load_clip
from mutoscope.perceptors.clip_weights import Traits
from mutoscope.perceptors.tokenizer import read_tokenizer

pytestmark = [
    pytest.mark.extra,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # other people's imports
]
PROMPTS = [
    "a red fox in the snow, by Ivan Shishkin",
    "",
    "It's the cat's pyjamas; they've won't I'll we'd I'm",
    "ISO-8859-1 & UTF-8!? ... (50% off) #hashtag @home",
    "tabs\tand\nnew  lines   ",
    "1,234.56 m² ≈ ½ of 三千 ٣٤",
    "café naïve Ångström STRASSE straße ΟΔΟΣ",
    "日本語の絵 Живопись עברית 한국어",
    "🦊🌨️ fox emoji 👩‍🚀 🏳️‍🌈",
    "&lt;b&gt; &amp;amp; &quot;quoted&quot;",
    "“curly” ‘quotes’ it’s — an em-dash…",
    "ﬁne ligature and Ｆｕｌｌ　ｗｉｄｔｈ",
    "e\u0301 decomposed accent",
    "antidisestablishmentarianism-" * 3,
]


@pytest.fixture(scope="module")
def open_clip() -> Any:
    if importlib.util.find_spec("open_clip") is None:
        pytest.skip("open_clip is not installed")
    alone = subprocess.run([sys.executable, "-c", "import torchvision"], capture_output=True)
    if alone.returncode:
        # A torchvision built for CUDA beside a torch built without: its operators are missing, and
        # declaring their schemas is all that its import needs.
        library = torch.library.Library("torchvision", "DEF")
        boxes = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        for operator in ("nms", "qnms"):
            library.define(operator + boxes)
    return pytest.importorskip("open_clip")


def ours(tmp_path: Path, state: dict[str, Tensor], traits: Traits) -> Clip:
    path = tmp_path / "model.safetensors"
    save_file({key: value.contiguous().clone() for key, value in state.items()}, path)
    vocabulary = Path(sys.modules["open_clip"].tokenizer.default_bpe())
    return load_clip(path, traits, vocabulary=vocabulary)


def shaken(model: Any) -> Any:
    """``model`` with weights that leave no part idle: fresh ones have zero biases, unit norms."""
    generator = torch.Generator().manual_seed(7)
    for name, value in [*model.named_parameters(), *model.named_buffers()]:
        if "running_var" in name:
            value.data = 0.5 + torch.rand(value.shape, generator=generator)
        elif value.is_floating_point() and value.ndim == 1 and "logit" not in name:
            value.data = value.data + 0.1 * torch.randn(value.shape, generator=generator)
    return model.eval()


def cosines(a: Tensor, b: Tensor) -> Tensor:
    return torch.nn.functional.cosine_similarity(a.double(), b.double(), dim=-1)


@pytest.mark.parametrize(
    ("architecture", "activation"),
    [("ViT-B-32-quickgelu", "quickgelu"), ("ViT-B-32", "gelu"), ("RN50-quickgelu", "quickgelu")],
)
def test_equals_open_clip(
    open_clip: Any, tmp_path: Path, architecture: str, activation: Any
) -> None:
    torch.manual_seed(0)
    theirs = shaken(open_clip.create_model(architecture))
    mine = ours(tmp_path, theirs.state_dict(), Traits(activation))
    pictures = torch.rand(2, 3, mine.size, mine.size, generator=torch.Generator().manual_seed(1))
    a, b = pictures.clone().requires_grad_(), pictures.clone().requires_grad_()
    mean = torch.tensor(open_clip.OPENAI_DATASET_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(open_clip.OPENAI_DATASET_STD).view(1, 3, 1, 1)
    want = theirs.encode_image((b - mean) / std, normalize=True)
    have = mine.embed_image(a)
    assert cosines(have, want).min() > 0.999999
    torch.testing.assert_close(have, want, atol=1e-5, rtol=0)

    toward = torch.nn.functional.normalize(torch.randn(mine.width), dim=0)
    (have @ toward).sum().backward()
    (want @ toward).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert cosines(a.grad.flatten(), b.grad.flatten()) > 0.99999

    tokens = open_clip.get_tokenizer(architecture)(PROMPTS)
    with torch.no_grad():
        want = theirs.encode_text(tokens, normalize=True)
    torch.testing.assert_close(mine.embed_text(PROMPTS), want, atol=1e-5, rtol=0)


def test_equals_transformers(open_clip: Any, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.CLIPConfig(
        vision_config={
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 3,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        text_config={
            "hidden_size": 64,
            "intermediate_size": 256,
            "num_hidden_layers": 2,
            "num_attention_heads": 1,
            "eos_token_id": 49407,
            "bos_token_id": 49406,
        },
        projection_dim=32,
    )
    torch.manual_seed(0)
    theirs = shaken(transformers.CLIPModel(config))
    state = theirs.state_dict()
    mine = ours(tmp_path, state, Traits("quickgelu"))
    mean, std = torch.tensor(Traits("gelu").mean), torch.tensor(Traits("gelu").std)
    pictures = torch.rand(2, 3, 64, 64)
    tokens = open_clip.get_tokenizer("ViT-B-32")(PROMPTS)
    with torch.no_grad():
        both = theirs(
            input_ids=tokens,
            pixel_values=(pictures - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1),
        )
    torch.testing.assert_close(mine.embed_image(pictures), both.image_embeds, atol=1e-5, rtol=0)
    torch.testing.assert_close(mine.embed_text(PROMPTS), both.text_embeds, atol=1e-5, rtol=0)


def test_tokens_equal(open_clip: Any) -> None:
    tokenizer = read_tokenizer(
        Path(open_clip.tokenizer.default_bpe()), vocabulary=49408, context=77
    )
    theirs = open_clip.get_tokenizer("ViT-B-32")
    for prompt in PROMPTS:
        assert tokenizer.encode(prompt) == theirs.encode(prompt), prompt
