/** The part of jstat that is used; the package brings no types. */
declare module "jstat" {
  const jStat: {
    /** ln(gamma(x)) */
    gammaln(x: number): number;
    studentt: {
      /** The value below which Student's t with so many degrees of freedom lies with probability p. */
      inv(p: number, degreesOfFreedom: number): number;
    };
  };
  export default jStat;
}
