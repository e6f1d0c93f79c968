"""What people see: number formats, tables, and the progress of a run, on terminals and in notebooks."""
