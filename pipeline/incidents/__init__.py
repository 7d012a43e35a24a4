"""What users feel, how badly, and how it is answered: severities, playbooks and messages, as data."""
