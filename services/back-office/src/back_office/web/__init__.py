"""The pages: sessions, components and one module for each area."""
