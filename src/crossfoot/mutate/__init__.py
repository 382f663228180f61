"""Guard mutation: each guard of a target is taken away, and the suite has to notice."""
