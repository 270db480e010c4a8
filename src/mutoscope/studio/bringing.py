"""The button by which files are brought into the studio, named for those who don't see it.

Quasar's own has an input within a button, neither with a name. Files may be dropped on it, too.
"""

from nicegui import ui

_HEADER = """
<div class="row items-center no-wrap q-pa-sm" style="gap: .75rem">
  <q-btn flat no-caps icon="add" label="{label}" :disable="!props.canAddFiles"
    @click="props.pickFiles" />
  <span v-if="props.isUploading" role="status">{{{{ props.uploadProgressLabel }}}}</span>
  <span style="display: none"><q-uploader-add-trigger /></span>
</div>
"""


def name_button(uploader: ui.upload, label: str) -> None:
    """Let the uploader's button bear ``label``, a text of ours."""
    uploader.add_slot("header", _HEADER.format(label=label))
