"""The command `ranvier`: one file a command, loaded when that command runs."""
