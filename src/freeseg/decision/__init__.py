"""From similarity maps to a mask: the maths of FreeSeg, as pure functions."""
