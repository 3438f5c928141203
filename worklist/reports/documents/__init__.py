"""A signed report version as documents: PDF for people, Basic Text SR and Encapsulated PDF for archives.

Everything here is a function of `content.ReportDocument` and, for the DICOM objects, of the study's own
header. Nothing here knows the database, and the same input gives the same bytes.
"""
