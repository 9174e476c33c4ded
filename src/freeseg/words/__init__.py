"""Words: the vocabulary of a job, the lists that ship with FreeSeg, and embedded vocabularies with their cache."""

from freeseg.words.lists import TEMPLATES, default_background, names, templates
from freeseg.words.mentioned import mentions
from freeseg.words.vocabularies import Label, Vocabulary, vocabulary

__all__ = [
    "TEMPLATES",
    "Label",
    "Vocabulary",
    "default_background",
    "mentions",
    "names",
    "templates",
    "vocabulary",
]
