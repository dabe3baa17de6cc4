"""Files made to hurt: generators, each with the way it must end."""
