"""`VQGAN_CLIP_Config` where vqgan-clip-generator has it."""

from mutoscope.vqgan_clip.config import VQGAN_CLIP_Config

__all__ = ["VQGAN_CLIP_Config"]
