"""How sale lines come in, one by one or by the thousand, over HTTP or out of a file: read, judged, stored, recorded."""
