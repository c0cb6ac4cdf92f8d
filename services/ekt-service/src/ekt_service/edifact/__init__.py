"""The EKT file: UN/EDIFACT message CLOCKT, written, read and checked without any other package."""
