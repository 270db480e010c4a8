"""The scene language: what is wanted and when, read from text and refused before any weight loads.

`parse_scenes`, `parse_weight` and `parse_direct_prompts` read what settings files hold, as PyTTI
wrote it; `parse_story` reads the prompts of vqgan-clip-generator's functions. All go through the
one tokenizer of `mutoscope.tokens`; `quote` writes any text so that they read it unchanged.
"""

from mutoscope.script.scenes import parse_direct_prompts, parse_scenes, parse_weight
from mutoscope.script.stories import parse_story
from mutoscope.script.values import DirectPrompt, Mask, Prompt, Scene, Script, Weighting
from mutoscope.tokens import quote

__all__ = [
    "DirectPrompt",
    "Mask",
    "Prompt",
    "Scene",
    "Script",
    "Weighting",
    "parse_direct_prompts",
    "parse_scenes",
    "parse_story",
    "parse_weight",
    "quote",
]
