"""Volumes from series, and pictures of them: MPR and 3-D (PS3.18 10.4.1.1.7, 10.4.1.1.8).

`source` finds where frames lie, `stacks` sorts them into volumes, `grid` is a volume's geometry, `loading` reads its
voxels, `cache` keeps it. `view` is how somebody looks at it, `plane` the picture's place in the patient; `aligned` and
`oblique` take samples there, `slab` takes several, `shear_warp` and `compositing` look through all of it.

Coordinates are the patient's, in mm (PS3.3 C.7.6.2.1.1): x to the left, y to the back, z to the head. Indices are
(slice, row, column) from 0, and whole at the centre of a voxel.
"""
