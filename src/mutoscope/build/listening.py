"""What the settings ask to be heard."""

from mutoscope.schedule import Schedule
from mutoscope.settings import Settings
from mutoscope.sound import Band, Sound, hear


def listen(settings: Settings, schedule: Schedule) -> Sound | None:
    """The sound of a run, heard once from its first step to its last; None where there is none.

    Raises:
        MediaError: it can't be read.
        SettingsError: a band lies outside of what it holds.
    """
    if not settings.input_audio:
        return None
    # To the end of the last frame, which begins with the last step at the latest.
    end = schedule.moment(schedule.total_steps).t + 1 / schedule.frames_per_second
    return hear(
        settings.resolve(settings.input_audio),
        duration=max(end, 1 / schedule.frames_per_second),
        frames_per_second=schedule.frames_per_second,
        filters=[
            Band(band.variable_name, band.f_center, band.f_width, band.order)
            for band in settings.input_audio_filters
        ],
        offset=settings.input_audio_offset,
    )
