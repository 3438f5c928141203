"""What each tissue looks like: (HU, T1, T2, FLAIR); the MR signals are arbitrary units up to 1000."""

from __future__ import annotations

Look = tuple[float, float, float, float]

AIR: Look = (-1000, 6, 6, 6)
SKIN: Look = (35, 330, 170, 190)
FAT: Look = (-92, 860, 560, 520)
MUSCLE: Look = (56, 330, 150, 180)
CORTICAL_BONE: Look = (1250, 30, 22, 22)
DIPLOE: Look = (620, 300, 150, 170)
DURA: Look = (58, 330, 120, 170)
CSF: Look = (6, 120, 940, 80)
GREY: Look = (39, 400, 470, 500)
DEEP_GREY: Look = (39, 440, 410, 440)
WHITE: Look = (29, 560, 330, 360)
PALLIDUM: Look = (38, 500, 290, 330)
VITREOUS: Look = (8, 110, 960, 110)
LENS: Look = (75, 420, 180, 220)
CALCIUM: Look = (170, 200, 90, 100)
LESION: Look = (22, 420, 700, 860)
BLEED: Look = (71, 520, 420, 560)
OEDEMA: Look = (19, 430, 640, 740)
MUCOSA: Look = (40, 330, 700, 640)
