export const secret = process.env.NEXTAUTH_SECRET;
