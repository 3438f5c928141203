"""From stored frame to picture on a screen, in the order of PS3.4 N.2."""
