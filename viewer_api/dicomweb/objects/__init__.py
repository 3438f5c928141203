"""What is no plain image, shown: documents, video, reports, waveforms, segmentations, presentation states."""
