"""The HTTP wire: DICOMweb, the reading API, and the web application."""
