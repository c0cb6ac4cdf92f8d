"""Stand-ins for the other side: real HTTP servers that store what they get and misbehave on request."""
