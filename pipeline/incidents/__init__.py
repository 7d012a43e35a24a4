"""What is done about an incident: recorded, told, walked through, reviewed."""
