"""What a change of each settings key can touch: nothing, some moments, all from the first move on.

Every key stands in one of these lists, and one that stands in none touches everything: a key must
be known well before a frame is kept although it changed.
"""

# Where things lie, how they are shown and kept: no picture hangs on them.
HARMLESS = frozenset(
    {
        "allow_overwrite",
        "approximate_vram_usage",
        "backups",
        "clear_every",
        "display_every",  # a shot that ends only to be looked at goes on to the same bits
        "display_scale",
        "file_namespace",
        "film",
        "film_quality",
        "models_parent_dir",
        "paths_from",  # paths are compared as they are resolved
        "quality",
        "restore",
        "resume_points",
        "show_graphs",
        "show_palette",
        "use_tensorboard",
    }
)

# What they come to is compared, moment by moment.
LOCAL = frozenset(
    {
        # The plan of steps.
        "frames_per_second",
        "interpolation_steps",
        "pre_animation_steps",
        "save_every",
        "steps_per_frame",
        "steps_per_scene",
        # What is wanted.
        "direct_image_prompts",
        "direct_init_weight",
        "scene_prefix",
        "scene_suffix",
        "scenes",
        "semantic_init_weight",
        # Form, colour and style, with what each weight weighs.
        "aesthetic_head",
        "aesthetic_target",
        "aesthetic_weight",
        "attracting_palette",
        "colourfulness_weight",
        "edge_colour",
        "edge_weight",
        "edge_width",
        "palette_attraction_weight",
        "smoothing_weight",
        "style_image",
        "style_opening",
        "style_weight",
        "symmetry_axis",
        "symmetry_weight",
        "vignette_colour",
        "vignette_weight",
        # What holds a frame.
        "depth_stabilization_weight",
        "direct_stabilization_weight",
        "edge_stabilization_weight",
        "flow_stabilization_weight",
        "semantic_stabilization_weight",
        # Where the picture goes.
        "rotate_2d",
        "rotate_3d",
        "translate_x",
        "translate_y",
        "translate_z_3d",
        "zoom_x_2d",
        "zoom_y_2d",
        # What curves hear and follow.
        "curves",
        "input_audio",
        "input_audio_filters",
        "input_audio_offset",
        "input_midi",
        "input_midi_offset",
    }
)

# How the picture moves: nothing before the first move hangs on them.
MOVING = frozenset(
    {
        "compat_units",
        "far_plane",
        "field_of_view",
        "flow_long_term_samples",
        "infill_mode",
        "lock_camera",
        "near_plane",
        "reencode_each_frame",
        "reset_lr_each_frame",
        "sampling_mode",
    }
)

# Several keys that name one thing: the networks that judge.
PERCEPTORS = frozenset(
    {
        "RN101",
        "RN50",
        "RN50x16",
        "RN50x4",
        "RN50x64",
        "ViTB16",
        "ViTB32",
        "ViTL14",
        "ViTL14_336px",
        "mmc_models",
        "perceptors",
        "use_mmc",
    }
)

# Every step hangs on them.
WHOLE = frozenset(
    {
        "adaptive_learning_rate",
        "animation_mode",
        "augmentation",
        "border_mode",
        "clamp_latent",
        "coarse_to_fine",
        "compile",
        "compat_shift",
        "contrast_weight",
        "cut_method",
        "cut_pow",
        "cutout_border",
        "cutouts",
        "depth_model",
        "device",
        "flow_model",
        "frame_stride",
        "gamma",
        "gradient_accumulation_steps",
        "hdr_weight",
        "height",
        "image_model",
        "init_image",
        "init_noise",
        "init_weight",
        "init_weight_method",
        "learning_rate",
        "learning_rate_decay",
        "lock_palette",
        "loop",
        "loop_overlap",
        "mask_dither",
        "natural_weight",
        "optimizer",
        "palette_normalization_weight",
        "palette_size",
        "palettes",
        "perceptor_weights",
        "piece_size",  # the picture differs by rounding
        "pixel_size",
        "precision",
        "random_initial_palette",
        "seed",
        "sizes",
        "target_palette",
        "tile",
        "video_path",
        "gan_model",
        "gan_truncation",
        "vqgan_model",
        "width",
        "z_smoother",
        "z_smoother_alpha",
        "z_smoother_buffer_len",
    }
)

# Among those, the files of which the contents count.
FILES = ("gan_model", "init_image", "target_palette", "video_path")
