import pickle


def test_a_candidate_crosses_to_another_process(detector):
    candidate = detector()

    again = pickle.loads(pickle.dumps(candidate))

    assert again == candidate


def test_another_confidence_changes_nothing_else(detector):
    candidate = detector()

    sure = candidate.at_confidence(0.25)

    assert sure.nms.min_score == 0.25
    assert sure.at_confidence(candidate.nms.min_score) == candidate
