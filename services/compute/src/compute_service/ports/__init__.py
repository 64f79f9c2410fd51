"""What the use cases need of the outside: storage, engine, executor and clients implement it."""
