"""An auto-grader for network labs: it runs what students hand in and judges the packets."""

__version__ = "0.1.0"
