"""Writing an issue: its form, its unsaved drafts, and the preview beside it."""
