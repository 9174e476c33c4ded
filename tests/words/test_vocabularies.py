"""Vocabularies: what users may write, what is refused, and which labels a text speaks of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freeseg.errors import LabelError
from freeseg.words import (
    TEMPLATES,
    Label,
    Vocabulary,
    default_background,
    mentions,
    names,
    templates,
    vocabulary,
)

VOC = [
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]


def refused(labels, **rest):
    """The message with which labels are refused, after checking that it is one short line."""
    with pytest.raises(LabelError) as caught:
        Vocabulary.of(labels, **rest)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 250
    return message


class TestParsing:
    @pytest.mark.parametrize(
        "written",
        [
            "cat, sofa|couch",
            ["cat", "sofa|couch"],
            ("cat", "sofa|couch"),
            "  cat ,sofa |  couch ",
            iter(["cat", "sofa|couch"]),
        ],
        ids=["string", "list", "tuple", "spaces", "iterator"],
    )
    def test_one_meaning_for_all_ways_to_write_it(self, written):
        assert Vocabulary.of(written).labels == (Label(("cat",)), Label(("sofa", "couch")))

    def test_inner_spaces_become_one_space_and_outer_line_breaks_are_dropped(self):
        assert Vocabulary.of(["  traffic  \u3000 light \n", "dog\r\n"]).names == ("traffic light", "dog")

    def test_a_comma_in_a_list_stays(self):
        assert Vocabulary.of(["cat, black", "dog"]).names == ("cat, black", "dog")

    def test_a_vocabulary_is_kept_as_it_is(self):
        one = Vocabulary.of("cat")
        assert Vocabulary.of(one) is one

    @pytest.mark.parametrize(
        "label", ["🐱", "猫", "кот", "قطة", "חתול", "c++", "naïve café", "日本語 ラベル", "👩‍👩‍👧"]
    )
    def test_any_script(self, label):
        assert Vocabulary.of([label, "dog"]).names == (label, "dog")

    def test_order_is_kept_and_owners_belong_to_aliases(self):
        both = Vocabulary.of("zebra|striped horse, ant, bee|bumblebee|wasp")
        assert both.names == ("zebra", "ant", "bee")
        assert both.aliases == ("zebra", "striped horse", "ant", "bee", "bumblebee", "wasp")
        assert both.label_of_alias == (0, 0, 1, 2, 2, 2)

    @given(st.lists(st.lists(st.text("abcxyz", min_size=1), min_size=1), min_size=1))
    def test_what_was_parsed_can_be_written_and_parsed_again(self, labels):
        texts = ["|".join(aliases) for aliases in labels]
        words = [alias for aliases in labels for alias in aliases]
        if len(set(words)) < len(words):
            assert "name it once" in refused(texts)
            return
        parsed = Vocabulary.of(texts)
        assert [list(label.aliases) for label in parsed.labels] == labels
        assert Vocabulary.of(",".join(texts)) == parsed
        assert [
            parsed.labels[owner].aliases.count(alias)
            for owner, alias in zip(parsed.label_of_alias, parsed.aliases, strict=True)
        ] == [1] * len(words)


class TestRefusals:
    @pytest.mark.parametrize("labels", [[], (), iter([])], ids=["list", "tuple", "iterator"])
    def test_no_labels(self, labels):
        assert "no labels were given" in refused(labels)

    @pytest.mark.parametrize(
        "labels", ["", "  ", ",", "cat,", "cat,,dog", ["cat", ""], ["cat||"], ["|"], ["|cat"], ["a||b"], ["\n"]]
    )
    def test_empty_ones(self, labels):
        assert "empty" in refused(labels)

    @pytest.mark.parametrize(
        ("labels", "where"),
        [
            (["cat", "dog", "cat"], "twice"),
            (["cat", "CAT"], "under both 'cat' and 'CAT'"),
            (["cat|Cat"], "twice"),
            (["straße", "STRASSE"], "under both 'straße' and 'STRASSE'"),
            (["sofa|couch", "bed|Couch"], "under both 'sofa' and 'bed'"),
            (["a  b", "a b"], "twice"),
        ],
    )
    def test_duplicates_in_any_case_and_across_labels(self, labels, where):
        message = refused(labels)
        assert "name it once" in message
        assert where in message

    @pytest.mark.parametrize(
        ("labels", "kind"),
        [([3], "int"), ([None], "NoneType"), ([b"cat"], "bytes"), ([["cat"]], "list"), (b"cat", "bytes")],
    )
    def test_what_is_not_text(self, labels, kind):
        assert f"not {kind}" in refused(labels)

    def test_overlong_ones(self):
        assert Vocabulary.of(["x" * 10_000]).names == ("x" * 10_000,)
        assert "10,001 characters; use at most 10,000" in refused(["cat", "x" * 10_001])
        assert "10,001" in refused(["cat|" + "é" * 10_001])

    @pytest.mark.parametrize("label", ["background", "Background", " BACKGROUND ", "background|stuff"])
    def test_background_is_no_label(self, label):
        assert "turn the background on or off" in refused(["cat", label])

    def test_a_long_duplicate_is_shortened(self):
        assert "..." in refused(["y" * 9_000, "Y" * 9_000])

    @pytest.mark.parametrize("template", ["", "a photo", "{} and {}", "{0}", "{label}"])
    def test_templates_must_hold_the_word_once(self, template):
        with pytest.raises(LabelError, match=r"must hold \{\} once"):
            Vocabulary((Label(("cat",)),), templates=("{}", template))

    def test_some_template_is_needed(self):
        with pytest.raises(LabelError, match="no prompt templates"):
            Vocabulary((Label(("cat",)),), templates=())


class TestPromptsAndBackground:
    def test_a_words_prompts_stay_together(self):
        own = Vocabulary((Label(("cat",)),), templates=("a {}.", "{}"))
        assert own.prompts(["cat", "hot dog"]) == ["a cat.", "cat", "a hot dog.", "hot dog"]
        assert own.prompts([]) == []

    def test_default_templates(self):
        prompts = Vocabulary.of("cat").prompts(["cat"])
        assert len(prompts) == len(TEMPLATES)
        assert all("cat" in prompt and "{}" not in prompt for prompt in prompts)

    def test_a_word_with_braces_stays_as_it_is(self):
        own = Vocabulary((Label(("{}",)),), templates=("a {}.", "{}"))
        assert own.prompts(["{}", "{x}"]) == ["a {}.", "{}", "a {x}.", "{x}"]

    def test_background_words(self):
        assert Vocabulary.of("cat").background_words == default_background()
        assert Vocabulary.of("cat", ["sky", "sea"]).background_words == ("sky", "sea")
        assert Vocabulary.of("cat", []).background_words == ()
        changed = Vocabulary.of("cat, dog|puppy").with_background_words(["sky"])
        assert changed.background_words == ("sky",)
        assert changed.aliases == ("cat", "dog", "puppy")

    def test_background_words_in_one_string(self):
        assert Vocabulary.of("cat", "sky, wet grass").background_words == ("sky", "wet grass")
        assert Vocabulary.of("cat").with_background_words("sky").background_words == ("sky",)

    def test_no_more_labels_than_a_mask_can_tell_apart(self):
        with pytest.raises(LabelError, match="65,535 labels were given; a mask can tell 65,534 apart"):
            Vocabulary.of([f"label {index}" for index in range(65_535)])

    def test_stuff_is_what_the_background_is_made_of(self):
        asked = Vocabulary.of("cat, Sky, lawn|grass, grasshopper", ["sky", "Grass"])
        assert asked.is_background_word == (False, True, True, False)
        assert asked.with_background_words([]).is_background_word == (False,) * 4

    def test_default_background_words_are_sane(self):
        words = default_background()
        assert len(words) == len({word.casefold() for word in words}) > 10
        assert all(word == word.strip() and word for word in words)


class TestShippedVocabularies:
    def test_voc(self):
        assert list(vocabulary("voc20").names) == VOC
        assert vocabulary("voc21") == vocabulary("voc20")
        assert vocabulary("voc20").background_words == default_background()

    def test_common(self):
        common = vocabulary("common")
        assert len(common.labels) > 200
        assert {"person", "dog", "sky", "car", "tree"} <= set(common.names)

    @pytest.mark.parametrize("name", names())
    def test_all_are_tidy(self, name):
        for alias in vocabulary(name).aliases:
            assert alias == " ".join(alias.split())
            assert alias.isprintable()

    @pytest.mark.parametrize("name", ["voc", "", "VOC20", "x" * 5_000])
    def test_an_unknown_name_lists_the_options(self, name):
        with pytest.raises(LabelError) as caught:
            vocabulary(name)
        assert all(option in str(caught.value) for option in names())
        assert len(str(caught.value)) < 300


class TestMentions:
    own = Vocabulary.of(["cat|kitten", "dog", "hot dog", "bus", "glass", "glasses|sunglasses", "traffic light", "man"])

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("a cat", {"cat"}),
            ("CATS and Dogs", {"cat", "dog"}),
            ("two kittens.", {"cat"}),
            ("buses", {"bus"}),
            ("three hot dogs", {"hot dog"}),
            ("a dog eats a hot dog", {"dog", "hot dog"}),
            ("hot dog-shaped dog", {"dog", "hot dog"}),
            ("a glass", {"glass"}),
            ("his glasses", {"glasses"}),
            ("Sunglasses!", {"glasses"}),
            ("the dog's ball", {"dog"}),
            ("(cat)", {"cat"}),
            ("cat", {"cat"}),
            ("traffic lights", {"traffic light"}),
            # words that only hold a label
            ("concatenate a catalogue", set()),
            ("a fireman, a mankind", set()),
            ("dogged doge hotdog", set()),
            ("busy bust", set()),
            ("traffic\u00a0jam, light", set()),
            ("", set()),
        ],
    )
    def test_whole_words_with_plurals(self, text, found):
        assert {self.own.names[i] for i in mentions([text], self.own)} == found

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("two women and their babies", {"woman", "baby"}),
            ("three firemen", {"fireman"}),
            ("wine glasses on shelves", {"wine glass", "shelf"}),
            ("tomatoes and tomatos", {"tomato"}),
            ("geese, sheep, mice and calves", {"goose", "sheep", "mouse", "calf"}),
            ("cities by the sea", {"city"}),
            ("under blue skies", {"sky"}),
            ("he plans to make capes; robes, canes and panes", set()),
            ("a man fishes", {"man"}),
        ],
    )
    def test_plurals_are_those_of_the_language(self, text, found):
        own = Vocabulary.of(
            "woman, man, baby, fireman, wine glass, shelf, tomato, goose, sheep, mouse, calf, city, sky, ski, plane, "
            "cap, can, pan, fish",
            everyday_words=False,
        )
        assert {own.names[i] for i in mentions([text], own)} == found

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("two dogs eat hot dogs", {"dogs"}),
            ("a man eats a hot dog", set()),
            ("a teddy bear", set()),
            ("waiting for the bus at a bus stop", {"bus"}),
            ("the train tracks of a train station", {"station"}),
            ("sea lions", set()),
            ("a sea lion by the sea", {"sea"}),
            ("a boy in an orange shirt", {"shirt"}),
            ("a boy with an orange", {"orange"}),
            ("a coffee table", {"coffee table"}),
        ],
    )
    def test_words_do_not_count_in_phrases_that_mean_another_thing(self, text, found):
        own = Vocabulary.of("dogs, bear, bus, train, station, sea, lion, orange, shirt, coffee, coffee table")
        assert {own.names[i] for i in mentions([text], own)} == found

    def test_a_word_that_is_an_alias_is_no_plural_of_another(self):
        own = Vocabulary.of("glass, glasses|spectacles, man, men")
        assert [own.names[i] for i in mentions(["glasses", "men"], own)] == ["glasses", "men"]

    def test_several_texts_give_sorted_labels_once(self):
        assert mentions(["a man and a dog", "a cat, a dog"], self.own) == [0, 1, 7]
        assert mentions([], self.own) == []

    def test_the_longest_alias_wins_wherever_it_stands(self):
        for labels in (["light", "traffic light"], ["traffic light", "light"]):
            own = Vocabulary.of(labels)
            assert [own.names[i] for i in mentions(["a traffic light"], own)] == ["traffic light"]

    @pytest.mark.parametrize("label", ["c++", "🐱", "(old) car", "t-shirt", "50%", "猫", "кот", "a.b", "straße"])
    def test_labels_with_other_signs_than_letters(self, label):
        own = Vocabulary.of([label])
        assert mentions([f"one {label} here"], own) == [0]
        assert mentions([label.upper()], own) == [0]
        assert mentions([f"x{label}x"], own) == []

    def test_a_dot_is_a_dot(self):
        assert mentions(["axb"], Vocabulary.of(["a.b"])) == []


class TestTemplates:
    def test_our_own(self):
        assert templates("freeseg") == TEMPLATES

    def test_the_80_of_clip(self):
        published = templates("imagenet")
        assert len(set(published)) == 80
        assert Vocabulary((Label(("cat",)),), templates=published).prompts(["cat"])[:2] == [
            "a bad photo of a cat.",
            "a photo of many cat.",
        ]
        assert {"itap of a {}.", "a {} in a video game.", "a tattoo of the {}."} < set(published)

    def test_those_that_there_are_not(self):
        with pytest.raises(LabelError, match="there are: freeseg, imagenet"):
            templates("clip")
