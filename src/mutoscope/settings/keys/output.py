"""The output: what is saved, shown and kept, and how often."""

from functools import partial

from mutoscope.settings.keys.entry import Group, entry
from mutoscope.settings.values import MAX_STEPS, Backups, FolderName, Number, Whole

key = partial(entry, group="output")


class Output(Group):
    """Keys of the group ``output``."""

    file_namespace: FolderName = key(
        "default", "Name of the run's files and of their folder in images_out."
    )
    allow_overwrite: bool = key(
        False, "Replace an earlier run of the same name instead of beginning a new one beside it."
    )
    save_every: Whole = key(
        50,
        "Steps between two saved pictures; 0 saves only the last. The last step is always saved. "
        "In a film the first picture is that of pre_animation_steps; give it the value of "
        "steps_per_frame for one picture a frame.",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
        example="save_every: ${steps_per_frame}",
        differs="Picture n holds exactly n times as many steps, and the last step is saved.",
    )
    display_every: Whole = key(
        50, "Steps between two looks at the run; 0 for none.", unit="steps",
        ge=0, le=MAX_STEPS,
    )  # fmt: skip
    clear_every: Whole = key(
        0,
        "Steps after which the screen is cleared while a run is shown; 0 never.",
        unit="steps",
        ge=0,
        le=MAX_STEPS,
    )
    display_scale: Number = key(
        1.0,
        "Size of latest.png, the newest picture of a run, as a factor; the numbered files keep "
        "theirs.",
        gt=0,
        le=100,
    )
    show_graphs: bool = key(
        False, "Plot the losses each time the run is shown, not only at its end."
    )
    quality: bool = key(
        True,
        "Measure a film when it is done (flicker, drift of colours, the seam of a loop, agreement "
        "with the prompts, repeated and black frames) and write quality.json and a plot beside "
        "it.",
        own=True,
    )
    backups: Backups = key(
        3,
        "How many of the last states are kept to go on from; all keeps every one, 0 none but "
        "the newest.",
    )
    resume_points: Whole = key(
        24,
        "How many more states are kept, spread evenly over the frames made so far, so that "
        "`mutoscope render --from` can change a run from its middle on; 0 keeps only what backups "
        "says.",
        own=True,
        ge=0,
        le=100_000,
    )
    approximate_vram_usage: bool = key(
        False, "Report the most memory used so far each time the run is shown."
    )
    use_tensorboard: bool = key(
        False,
        "Write the losses for TensorBoard, too, into the run's folder; it is an extra package: "
        "pip install 'mutoscope[tensorboard]'.",
    )
