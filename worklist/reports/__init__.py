"""The report: versions, signature, documents."""
