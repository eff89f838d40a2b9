import numpy as np
import pytest

from edgekit.heads.decode import boxes_xyxy
from edgekit.heads.scores import class_scores
from edgekit.heads.seeds import FLOOR, prediction_seeds
from tests.heads.heads import CELLS, HEADS, decoded_head, random_map

DENSE = {name: head for name, head in HEADS.items() if name != "detections"}
DRAWS = 3000
STEP = 1e-2


def quantities(outputs, head, counted, boxes):
    """Everything that seeds count, before the signs."""
    rows = np.arange(CELLS)
    size, best, xyxy = boxes
    scores = class_scores(outputs, head.parts[0], head, rows)[counted]
    sides = (boxes_xyxy(outputs, head, 0, rows) * (np.sqrt(best) / size)[:, None])[xyxy]
    return np.concatenate([scores, sides.reshape(-1)]).astype(np.float64)


def slopes(outputs, head):
    """The derivative of every quantity by every number of the output, by steps."""
    rows = np.arange(CELLS)
    scores = class_scores(outputs, head.parts[0], head, rows)
    xyxy = boxes_xyxy(outputs, head, 0, rows)
    size = np.sqrt(np.maximum(np.prod(xyxy[:, 2:] - xyxy[:, :2], axis=1), 1e-6))
    boxes = (size, scores.max(axis=1), scores.max(axis=1) > FLOOR)
    found = []
    for index in np.ndindex(*outputs["out"].shape):
        moved = [outputs["out"].copy() for _ in range(2)]
        moved[0][index] += STEP
        moved[1][index] -= STEP
        up, down = (quantities({"out": m}, head, scores > FLOOR, boxes) for m in moved)
        found.append((up - down) / (2 * STEP))
    return np.array(found).reshape(*outputs["out"].shape, -1)


def outputs_of(head):
    raw = random_map(35)
    return {"out": np.abs(raw) / 4 if head.activation == "none" else raw}


@pytest.mark.parametrize("head", DENSE.values(), ids=DENSE.keys())
def test_a_seed_squared_is_on_average_what_all_predictions_together_follow(head):
    outputs = outputs_of(head)
    wanted = (slopes(outputs, head) ** 2).sum(axis=-1)
    rng = np.random.default_rng(0)

    seeds = [prediction_seeds(outputs, head, rng)["out"] for _ in range(DRAWS)]

    found = np.mean([seed.astype(np.float64) ** 2 for seed in seeds], axis=0)
    assert wanted.max() > 0
    np.testing.assert_allclose(found, wanted, rtol=0.2, atol=0.002 * wanted.max())


def test_the_background_is_no_prediction():
    head = decoded_head(background=0)
    outputs = {"out": np.full_like(random_map(35), 0.9)}

    seed = prediction_seeds(outputs, head, np.random.default_rng(0))["out"]

    assert (seed[:, 4] == 0).all()
    assert (np.abs(seed[:, 5:7]) == 1).all()


def test_final_detections_have_no_gradients():
    assert prediction_seeds({}, HEADS["detections"], np.random.default_rng(0)) == {}
