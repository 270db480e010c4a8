from mutoscope.settings.keys import GROUPS, Keys
from mutoscope.settings.rules import facts


def test_the_table_is_read_group_by_group_in_their_order():
    """Its order is that of the reference, of what is written down and of the studio's form."""
    groups = [facts(name)["group"] for name in Keys.model_fields]
    assert groups == sorted(groups, key=list(GROUPS).index)
    assert set(groups) == set(GROUPS)


def test_every_group_has_a_file_of_its_name():
    for base in Keys.__bases__:
        name = base.__module__.rpartition(".")[2]
        assert {facts(key)["group"] for key in base.model_fields} == {name}
