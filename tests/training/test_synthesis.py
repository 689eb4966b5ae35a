"""The stream of posters: exact random access, what is held out, levels and batches."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.composition import PLACEMENTS, is_unseen_pair, shape_colours_for
from training.data.palette import PAGE_COLOURS, text_colours_on
from training.data.scenes import Fill, Scene, letter_cells, render_array, weights
from training.data.synthesis import EditSample, Level, PosterSample, PosterStream, StreamConfig
from training.data.words import VOCABULARY, is_all_held_out, is_held_out
from training.errors import ConfigError
from training.options import from_table

RICH = Level(
    placement="free_cells", second_line=0.5, second_shape=0.5, gradient=0.5, shape=0.9, chinese=0.5
)


def scenes_of(config: StreamConfig, count: int) -> list[Scene]:
    stream = PosterStream(config, seed=3)
    return [stream.sample(i).target for i in range(count)]


def test_a_sample_depends_on_seed_and_index_alone() -> None:
    config = StreamConfig(levels=(RICH,), edits=0.5, edit_group=1)
    forwards = [PosterStream(config, seed=7).sample(i) for i in range(40)]
    stream = PosterStream(config, seed=7)
    backwards = [stream.sample(i) for i in reversed(range(40))]
    assert forwards == backwards[::-1]
    assert forwards != [PosterStream(config, seed=8).sample(i) for i in range(40)]


def test_another_wording_asks_for_the_same_pictures() -> None:
    levels = (RICH, replace(RICH, palette="wide", free=1.0))
    stream = PosterStream(StreamConfig(levels=levels, edits=0.5, edit_group=1), seed=7)
    pairs = [(stream.sample(i), stream.sample(i, wording=100 + i)) for i in range(60)]
    assert all(first.target == second.target for first, second in pairs)
    assert sum(first.caption != second.caption for first, second in pairs) > 40
    assert stream.sample(3, wording=103) == pairs[3][1]


def test_the_stream_is_the_same_on_every_machine() -> None:
    sample = PosterStream(StreamConfig(), seed=0).sample(0)
    assert isinstance(sample, PosterSample)
    assert sample.caption == '"LBK" in yellow in the middle of a purple poster'


def test_training_never_shows_held_out_words_or_pairs() -> None:
    levels = (RICH, replace(RICH, palette="wide", free=1.0))
    stream = PosterStream(StreamConfig(levels=levels, edits=0.5), seed=1)
    for i in range(1500):
        sample = stream.sample(i)
        for scene in {sample.target, getattr(sample, "source", sample.target)}:
            assert not any(is_held_out(line.text) for line in scene.lines)
            assert not any(is_unseen_pair(scene.page, shape.colour) for shape in scene.shapes)


def test_one_word_in_twenty_is_held_out() -> None:
    share = np.mean([is_held_out(f"W{i}") for i in range(20_000)])
    assert 0.045 < share < 0.055
    assert sum(is_held_out(word) for word in VOCABULARY) >= 10


def test_a_line_is_held_out_with_any_of_its_words() -> None:
    held = next(word for word in VOCABULARY if is_held_out(word))
    free = next(word for word in VOCABULARY if not is_held_out(word))
    assert is_held_out(f"{free} {held}")
    assert not is_all_held_out(f"{free} {held}")
    assert is_all_held_out(f"{held} {held}")


def test_some_pairs_of_page_and_shape_are_held_out_and_every_page_keeps_some() -> None:
    line = PosterStream(StreamConfig(), seed=0).sample(0).target.lines
    pairs = 0
    for page in PAGE_COLOURS:
        scene = Scene(size=128, page=Fill(colour=page), lines=line)
        assert len(shape_colours_for(Level(), scene)) >= 3
        unseen = shape_colours_for(Level(), scene, unseen=True)
        pairs += sum(is_unseen_pair(scene.page, colour) for colour in unseen)
    assert 3 <= pairs <= 12


def test_text_never_meets_a_shape_and_can_always_be_read() -> None:
    for size in (128, 256):
        for scene in scenes_of(StreamConfig(size_px=size, levels=(RICH,)), 300):
            taken = np.zeros((size, size), int)
            for left, top, width, height in [
                *(shape.rect for shape in scene.shapes),
                *(rect for rect, _ in letter_cells(scene)),
            ]:
                assert 0 <= left <= left + width <= size
                assert 0 <= top <= top + height <= size
                taken[top : top + height, left : left + width] += 1
            assert taken.max() == 1
            assert scene.headline.colour in text_colours_on(*scene.page.colours)


@given(
    st.sampled_from(PLACEMENTS),
    st.sampled_from([(128, 16), (128, 32), (256, 16), (256, 32)]),
    st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_every_placement_stays_on_the_page(
    placement: str, sizes: tuple[int, int], index: int
) -> None:
    size_px, cell_px = sizes
    room = size_px // cell_px - 1
    level = Level(
        placement=placement, letters_min=2, letters_max=room, cell_px=cell_px, second_line=0.5
    )
    scene = PosterStream(StreamConfig(size_px=size_px, levels=(level,)), index).sample(index).target
    for line in scene.lines:
        left, top, width, height = line.rect
        assert left % 16 == top % 16 == 0
        assert left >= 0
        assert left + width <= size_px
        assert 0 < top < top + height < size_px


def test_shares_are_what_the_level_says() -> None:
    level = Level(shape=0.25, second_line=0.75, gradient=0.5, letters_min=4, letters_max=4)
    scenes = scenes_of(StreamConfig(levels=(level,)), 600)
    assert abs(np.mean([bool(s.shapes) for s in scenes]) - 0.25) < 0.08
    assert abs(np.mean([len(s.lines) == 2 for s in scenes]) - 0.75) < 0.08
    assert abs(np.mean([s.page.to is not None for s in scenes]) - 0.5) < 0.08
    assert {len(s.headline.text) for s in scenes} == {4}


def test_levels_are_drawn_by_their_weights() -> None:
    easy, hard = Level(letters_min=3, letters_max=3), Level(letters_min=6, letters_max=6)
    config = StreamConfig(
        levels=(
            from_table(Level, {"weight": 2, "letters_min": 3, "letters_max": 3}),
            hard,
        )
    )
    lengths = [len(s.headline.text) for s in scenes_of(config, 600)]
    assert easy.weight == 1.0
    assert abs(lengths.count(3) / 600 - 2 / 3) < 0.08


def test_a_batch_is_its_samples_drawn() -> None:
    stream = PosterStream(StreamConfig(levels=(RICH,)), seed=2)
    batch = stream.batch(10, 4)
    samples = [stream.sample(i) for i in range(10, 14)]
    assert batch.images.shape == (4, 128, 128, 3)
    assert batch.weights.shape == (4, 8, 8)
    assert batch.sources is None
    assert batch.captions == tuple(sample.caption for sample in samples)
    for k, sample in enumerate(samples):
        np.testing.assert_array_equal(batch.images[k], render_array(sample.target))
        np.testing.assert_array_equal(batch.weights[k], weights(sample.target))


def test_a_batch_of_edits_brings_their_sources() -> None:
    stream = PosterStream(StreamConfig(edits=1.0), seed=2)
    batch = stream.batch(0, 6)
    assert batch.sources is not None
    assert (batch.sources != batch.images).any(axis=(1, 2, 3)).all()


def test_edits_come_in_whole_groups_at_their_share() -> None:
    stream = PosterStream(StreamConfig(edits=0.5, edit_group=4), seed=5)
    kinds = [isinstance(stream.sample(i), EditSample) for i in range(800)]
    groups = [kinds[i : i + 4] for i in range(0, 800, 4)]
    assert all(len(set(group)) == 1 for group in groups)
    assert abs(np.mean(kinds) - 0.5) < 0.12
    first_mixed = next(i for i in range(0, 796, 4) if kinds[i] != kinds[i + 4])
    with pytest.raises(ValueError, match="edit_group 4"):
        stream.batch(first_mixed, 8)


def test_a_config_is_read_from_a_table() -> None:
    config = from_table(
        StreamConfig,
        {"size_px": 256, "levels": [{"rows": ["top"], "letters_max": 12}, {"shape": 0.1}]},
    )
    assert config.levels[0].rows == ("top",)
    assert {s.headline.row for s in scenes_of(config, 50) if len(s.headline.text) > 6} == {2}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"levels": [{"letters_max": 9}]}, "do not fit 128 px"),
        ({"levels": [{"letters_max": 5, "cell_px": 32}]}, "do not fit 128 px"),
        ({"levels": [{"letters_min": 5, "letters_max": 4}]}, "letters_min 5 is above"),
        ({"levels": [{"cell_px": 24}]}, "cell_px 24"),
        ({"levels": [{"placement": "anywhere"}]}, "placement"),
        ({"levels": [{"rows": ["first"]}]}, "rows"),
        ({"levels": [{"weight": 0.0}]}, "no level has a weight"),
        ({"levels": [{"placement": "free_cells", "cell_px": 32, "letters_max": 4}]}, None),
        ({"size_px": 200}, "multiple of 128"),
    ],
)
def test_impossible_configurations_are_refused_by_name(
    table: dict[str, object], message: str | None
) -> None:
    if message is None:
        assert from_table(StreamConfig, table)
        return
    with pytest.raises(ConfigError, match=message):
        from_table(StreamConfig, table)


def test_a_block_too_tall_for_its_third_still_finds_a_row() -> None:
    level = Level(placement="free_cells", cell_px=32, letters_max=4, second_line=1.0, shape=0.0)
    stream = PosterStream(StreamConfig(size_px=128, levels=(level,)), 0)
    for index in range(200):
        target = stream.sample(index).target
        last = target.lines[-1]
        assert 0 <= target.headline.row < last.row
        assert last.row < 8


def test_filled_posters_have_letters_in_every_row() -> None:
    level = Level(placement="free_cells", filled=0.5, shape=1.0)
    filled = [s for s in scenes_of(StreamConfig(levels=(level,)), 200) if len(s.lines) > 1]
    assert abs(len(filled) / 200 - 0.5) < 0.12
    for scene in filled:
        assert [line.row for line in scene.lines] == list(range(8))
        assert not scene.shapes
        assert not any(is_held_out(line.text) for line in scene.lines)
