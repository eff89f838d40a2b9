from edgekit.load.checkpoint.nodes import Global


def test_a_name_is_shown_dotted():
    assert Global("torch.nn", "Conv2d").full_name == "torch.nn.Conv2d"
