"""Speed and memory of FreeSeg, side by side with CLIP. `make bench` runs all of it; the tests run none of it."""
