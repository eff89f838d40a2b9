"""What a bundle runs on a board: Python 3.8 and its standard library, nothing else.

These files travel as they are and are run by ``measure.py`` beside them, without edgekit. Only
``readings`` is used by edgekit, too, so that what trtexec says is read in one way.
"""
