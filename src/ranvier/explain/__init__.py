"""What a trained network looks at: its columns by importance, what each adds to an output, responses, nearest rows."""
