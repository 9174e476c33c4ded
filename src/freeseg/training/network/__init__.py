"""Training of the segmentation network on free masks: partial labels, partial pixels."""
