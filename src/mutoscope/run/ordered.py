"""What a run was ordered to be: the settings that lie in its folder."""

from mutoscope.run import layout
from mutoscope.run.folder import Run
from mutoscope.settings import Settings, load_settings


def settings_of_run(run: Run) -> Settings:
    """The settings that a run was started with.

    Raises:
        MutoscopeError: they can't be read, or this version does not understand them.
    """
    return load_settings(run.folder / layout.SETTINGS, base=run.relative_to, quiet=True)
