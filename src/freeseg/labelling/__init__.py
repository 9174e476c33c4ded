"""Free masks for any number of photos: what a segmentation network is trained on."""
