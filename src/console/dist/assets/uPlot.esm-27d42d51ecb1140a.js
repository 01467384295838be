import{a}from"./chunk-4f595a545e02d5ab.js";export{a as default};
